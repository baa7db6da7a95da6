const server = new URLSearchParams(location.search).get('server') ?? 'ws://localhost:4000';
const port = chrome.runtime.connect({ name: server });

port.onMessage.addListener((state) => {
  document.getElementById('state').textContent = state;
});
