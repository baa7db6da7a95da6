// 100 000 messages each way; the heap is measured after a collection, before and after. ?server= ?engine=
browsertest.run((async function () {
  const query = new URL(location.href).searchParams;
  const { SmartSocketClient } = await import('/dist/index.js');
  const client = new SmartSocketClient(query.get('server') + '/game', { engine: query.get('engine') });
  let heard = 0;
  client.on('number', () => heard++);
  await client.connect();
  const settle = async () => {
    for (let i = 0; i < 3; i++) { gc(); await new Promise((r) => setTimeout(r, 10)); }
    return performance.memory.usedJSHeapSize;
  };
  const round = async (n) => {
    for (let i = 0; i < n; i += 500) {
      const before = heard;
      client.emit('count', 500); // each asks for 500 events
      const bytes = new Uint8Array(64);
      for (let j = 0; j < 499; j++) client.emit('silent', j % 2 ? bytes : { x: j, y: i });
      await client.emitWithAck('echo', i);
      while (heard < before + 500) await new Promise((r) => setTimeout(r, 1));
    }
  };
  await round(10000);
  const before = await settle();
  await round(100000);
  const after = await settle();
  const stats = client.getStats();
  client.disconnect();
  return { before, after, sent: stats.messagesSent, received: stats.messagesReceived, engine: stats.engine };
})());
