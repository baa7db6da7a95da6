const { port } = new SharedWorker(new URL('worker.js', import.meta.url), { type: 'module' });

port.onmessage = ({ data }) => {
  document.getElementById('state').textContent = data;
};
addEventListener('pagehide', () => port.postMessage('bye'));
