// The client lives in the service worker, which all tabs share. What it knows comes as messages.
navigator.serviceWorker.addEventListener('message', ({ data }) => {
  document.getElementById('state').textContent = JSON.stringify(data);
});
await navigator.serviceWorker.register('sw.js', { type: 'module' });
const { active } = await navigator.serviceWorker.ready;
active.postMessage(await (await fetch('options.json')).json());
