// Starts pages one after the other, engines in turns, and then takes many messages with each.
const query = new URLSearchParams(location.search);
const server = query.get('server');
const starts = Number(query.get('starts'));
const messages = Number(query.get('messages'));
const engines = ['js', 'wasm'];

function start(engine) {
  return new Promise((resolve, reject) => {
    const frame = document.createElement('iframe');
    addEventListener('message', (event) => {
      frame.remove();
      if (event.data.error) reject(new Error(event.data.error));
      else resolve(event.data);
    }, { once: true });
    frame.src = '/start/page?' + new URLSearchParams({ engine, server });
    document.body.append(frame);
  });
}

// size is what the page takes in bytes, buffers and WebAssembly's memory included, null where the
// browser does not tell. The browser collects its garbage before.
async function size() {
  if (!performance.measureUserAgentSpecificMemory) return null;
  return (await performance.measureUserAgentSpecificMemory()).bytes;
}

async function flood(engine) {
  const { SmartSocketClient } = await import(engine === 'js' ? '/start/js.js' : '/start/index.js');
  const client = new SmartSocketClient(server, { engine });
  let got = 0, last = '';
  client.on('moved', (move) => {
    got++;
    last = move.state;
  });
  await client.connect();
  const take = async (n) => {
    for (let left = n; left > 0; left -= 1000) {
      await client.emitWithAck('send', Math.min(left, 1000));
    }
  };
  await take(Math.min(messages, 1000)); // code is compiled, pools are filled
  got = 0;
  const before = await size(), began = performance.now();
  await take(messages);
  const took = performance.now() - began;
  const after = await size();
  client.disconnect();
  return { engine, got, last, before, after, took };
}

const result = { agent: navigator.userAgent, starts: [], floods: [] };
for (let i = 0; i < starts; i++) {
  for (const engine of i % 2 ? engines : engines.toReversed()) {
    result.starts.push({ engine, ...await start(engine) });
  }
}
for (const engine of engines) result.floods.push(await flood(engine));
browsertest.report(result);
