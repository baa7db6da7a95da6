// What browser_test.go runs in every kind of page and worker: load the client as the query says, connect, echo, look for
// leaked globals, count what is written to the console.
(function (root) {
  'use strict';
  const query = new URL(root.location.href).searchParams;
  const lines = [];
  for (const level of ['warn', 'error']) {
    const write = console[level];
    console[level] = function (...args) { lines.push(level + ': ' + args.join(' ')); write.apply(console, args); };
  }

  async function load() {
    if (query.get('load').startsWith('module')) return (await import('/dist/index.js')).SmartSocketClient;
    if (typeof document === 'object') {
      await new Promise((resolve, reject) => {
        const tag = document.createElement('script');
        tag.src = '/dist/SmartSocketClient.js';
        tag.onload = resolve;
        tag.onerror = () => reject(new Error(tag.src + ' did not load'));
        document.head.append(tag);
      });
    } else importScripts('/dist/SmartSocketClient.js');
    return root.SmartSocketClient;
  }

  async function tryClient() {
    const before = Reflect.ownKeys(root).concat('SmartSocketClient');
    const SmartSocketClient = await load();
    const expected = query.get('expect'), options = { engine: query.get('engine') };
    if (query.has('key')) Object.assign(options, { enableEncryption: true, encryptionKey: query.get('key') });
    if (query.has('wasm')) options.wasmURL = new URL(query.get('wasm'), root.location.href).href;
    const client = new SmartSocketClient(query.get('server') + '/game', options);
    const begin = performance.now();
    await client.connect();
    const took = performance.now() - begin;
    const json = await client.emitWithAck('echo', { text: 'grüße', list: [1, null] });
    const bytes = await client.emitWithAck('echo', new Uint8Array([1, 2, 255]));
    const nothing = await client.emitWithAck('echo');
    if (options.engine === 'auto') {
      // give wasm the time to take over, or to be refused
      const settled = () => expected === 'wasm' ? client.getStats().engine === 'wasm' : lines.length > 0;
      for (let i = 0; i < 500 && !settled(); i++) await new Promise((r) => setTimeout(r, 10));
      await client.emitWithAck('echo', 1);
    }
    const stats = client.getStats();
    client.disconnect();
    const second = new SmartSocketClient(query.get('server') + '/game', options); // what failed once is told once
    await second.connect();
    await second.emitWithAck('echo', 2);
    if (options.engine === 'auto') await new Promise((r) => setTimeout(r, 50));
    second.disconnect();
    const leaked = Reflect.ownKeys(root).filter((k) => !before.includes(k)).map(String);
    return { json, bytes: [...new Uint8Array(bytes)], nothing: nothing === undefined, engine: stats.engine, leaked, secure: 'crypto' in root && !!root.crypto.subtle, sealed: stats.encrypted, lines, took };
  }

  if (typeof document !== 'object') {
    tryClient().then((outcome) => postMessage({ outcome }), (error) => postMessage({ error: String(error && error.stack || error) }));
    return;
  }
  browsertest.expected = /broken/;
  if (!query.get('load').endsWith('worker')) {
    browsertest.run(tryClient());
    return;
  }
  const worker = new Worker('/page.js' + root.location.search, query.get('load').startsWith('module') ? { type: 'module' } : {});
  worker.onmessage = (e) => e.data.error ? browsertest.fail(e.data.error) : browsertest.report(e.data.outcome);
  worker.onerror = (e) => browsertest.fail(e.message || 'the worker failed');
})(self);
