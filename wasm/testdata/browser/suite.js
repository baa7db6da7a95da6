// Runs files of ../../js/test in a page or in a worker: ?load= how the client is loaded, ?files= which.
(function (root) {
  'use strict';
  const query = new URL(root.location.href).searchParams;

  async function suite() {
    const { Buffer, run } = await import('/shim/node.js');
    root.Buffer = Buffer;
    root.testEnvironment = await (await fetch('/environment.json')).json();
    if (query.get('load').startsWith('script') && typeof document !== 'object') importScripts('/dist/SmartSocketClient.js');
    const results = {};
    for (const file of query.get('files').split(',')) {
      await import('/wasm/js/test/' + file);
      results[file] = await run();
    }
    return results;
  }

  if (typeof document !== 'object') {
    suite().then((outcome) => postMessage({ outcome }), (error) => postMessage({ error: String(error) + '\n' + (error && error.stack) }));
  } else if (!query.get('load').endsWith('worker')) {
    browsertest.run(suite());
  } else {
    const worker = new Worker('/suite.js' + root.location.search, query.get('load').startsWith('module') ? { type: 'module' } : {});
    worker.onmessage = (e) => e.data.error ? browsertest.fail(e.data.error) : browsertest.report(e.data.outcome);
    worker.onerror = (e) => browsertest.fail(e.message || 'the worker failed');
  }
})(self);
