// What browser_test.go runs in every kind of page and worker: connect, echo, look for leaked globals, report.
(function (root) {
  'use strict';
  root.tryClient = async function (SmartSocketClient, engine, before) {
    const client = new SmartSocketClient(root.serverURL + '/game', root.encryptionKey ? { engine, enableEncryption: true, encryptionKey: root.encryptionKey } : { engine });
    await client.connect();
    const json = await client.emitWithAck('echo', { text: 'grüße', list: [1, null] });
    const bytes = await client.emitWithAck('echo', new Uint8Array([1, 2, 255]));
    const nothing = await client.emitWithAck('echo');
    if (engine === 'auto') {
      // give wasm the time to take over, or to be refused
      for (let i = 0; i < 200 && client.getStats().engine !== root.expectEngine; i++) await new Promise((r) => setTimeout(r, 10));
      await client.emitWithAck('echo', 1);
    }
    const stats = client.getStats();
    client.disconnect();
    const leaked = Reflect.ownKeys(root).filter((k) => !before.includes(k)).map(String);
    return { json, bytes: [...new Uint8Array(bytes)], nothing: nothing === undefined, engine: stats.engine, leaked, secure: 'crypto' in root && !!root.crypto.subtle, sealed: stats.encrypted };
  };
  root.report = function (name, outcome) {
    return fetch('/result/' + name, { method: 'POST', body: JSON.stringify(outcome) });
  };
  root.reportRun = function (name, run) {
    return run.then((outcome) => root.report(name, outcome), (error) => root.report(name, { error: String(error && error.stack || error) }));
  };
  root.serverURL = new URL(root.location.href).searchParams.get('server');
  root.encryptionKey = new URL(root.location.href).searchParams.get('key');
  root.expectEngine = new URL(root.location.href).searchParams.get('expect');
})(self);
