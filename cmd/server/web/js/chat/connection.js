// @ts-check
// One SmartSocketClient on the demo's namespace: its life told to the page, and
// a round trip measured every second.

/** @typedef {import('../../events').ChatServerEvents} ServerEvents */
/** @typedef {import('../../events').ChatClientEvents} ClientEvents */
/** @typedef {import('/dist/index.js').SmartSocketClient<ServerEvents, ClientEvents>} Client */

const SAMPLES = 60;

// connect loads the client and returns it with start, which opens the
// connection. Listeners registered before start miss nothing.
export async function connect(page) {
  let SmartSocketClient;
  try {
    ({ SmartSocketClient } = await import('/dist/index.js'));
  } catch (error) {
    page.state('offline', 'Not built');
    page.missing(error.message);
    return { client: silent(), start: async () => {} };
  }
  /** @type {Client} */
  const client = new SmartSocketClient('/', { namespace: '/chat', engine: 'wasm', maxReconnectAttempts: -1 });
  let countdown = 0;

  client.on('connected', () => {
    clearInterval(countdown);
    page.state('online', 'Connected');
    page.engine(client.getStats().engine);
    Promise.resolve(page.ready()).catch((error) => page.failed(error));
  });
  client.on('reconnected', () => page.reconnected());
  client.on('disconnected', () => page.state('offline', 'Connection lost'));
  client.on('reconnecting', (attempt, delay) => {
    const at = Date.now() + delay;
    const show = () => {
      const left = Math.max(0, at - Date.now());
      page.state('connecting', left > 50 ? `Connection lost. Reconnecting in ${(left / 1000).toFixed(1)} s (attempt ${attempt})` : 'Reconnecting');
    };
    clearInterval(countdown);
    countdown = setInterval(show, 100);
    show();
  });
  client.on('error', (error) => page.failed(error));
  client.on('__rate-limited__', (limit) => page.failed(new Error(limit.message)));
  measure(client, page);

  // A first connect that fails is not retried by the client, since a wrong
  // address would never get better; this page knows its address to be right.
  const start = async () => {
    for (let wait = 1000; ; wait = Math.min(wait * 1.5, 15000)) {
      try {
        return await client.connect();
      } catch (error) {
        page.state('offline', 'No connection');
        page.failed(error);
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  };
  return { client, start };
}

// measure asks for an acknowledgement every second and keeps the last minute; null is an answer that never came.
/** @param {Client} client */
function measure(client, page) {
  const samples = [];
  setInterval(async () => {
    let ms = null;
    if (client.connected) {
      const sent = performance.now();
      try {
        await client.emitWithAck('rtt', undefined, { timeout: 5000 });
        ms = performance.now() - sent;
      } catch {
        // The connection went away; the gap in the curve says so.
      }
    }
    samples.push(ms);
    if (samples.length > SAMPLES) samples.shift();
    page.rtt(samples);
  }, 1000);
}

// silent stands in for a client that could not be loaded.
function silent() {
  const stand = { id: '', connected: false, on() {}, emit() {}, emitWithAck: () => Promise.reject(new Error('The client is not loaded.')) };
  return /** @type {Client} */ (/** @type {unknown} */ (stand));
}
