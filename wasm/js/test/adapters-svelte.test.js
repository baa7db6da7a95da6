// @smartsocket/client/svelte with the real Svelte and a real server; started by TestAdapters.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compile } from 'svelte/compiler';
import { render } from 'svelte/server';
import { get } from 'svelte/store';
import {
  adapter, closed, counted, insideOf, module, page, quiet, skip, turn, until,
} from './adapters-setup.js';

const app = page();
const { connection, emitter, latest, listen } = await adapter('svelte');
// In Node the name svelte means the one for servers.
const { mount, unmount } = await insideOf('svelte/src/index-client.js');

const text = `<script>
  import { connection, latest, listen } from './svelte.mjs';
  let { client, heard } = $props();
  const state = connection(client), last = latest(client, 'echoed', 'none');
  $effect(() => listen(client, 'echoed', (text) => heard.push(text)));
</script>
<p>{$state.status} {$state.error?.code} {$last}</p>`;

const component = async (generate) => {
  const { js } = compile(text, { generate, filename: 'Game.svelte' });
  return (await module(`game-${generate}.mjs`, js.code)).default;
};
const Game = await component('client');

// show mounts the component and unmounts it after the test t.
function show(t, props) {
  const target = document.createElement('div');
  app.append(target);
  const shown = mount(Game, { target, props });
  let mounted = true;
  const close = () => {
    if (mounted) unmount(shown);
    mounted = false;
  };
  t.after(close);
  return { place: target, close };
}

describe('Svelte', { skip }, () => {
  test('a component opens one connection and closes it at the end', async (t) => {
    quiet(t);
    const c = counted(t), heard = [];
    const { place, close } = show(t, { client: c.client, heard });
    await until(() => place.textContent === 'connected  none');
    const send = emitter(c.client, 'echo');
    assert.equal(await new Promise((resolve) => send('hello', resolve)), 'hello');
    await until(() => place.textContent === 'connected  hello');
    assert.deepEqual(heard, ['hello']);
    close();
    await closed(c);
    assert.equal(c.opened.length, 1);
    assert.ok(c.calls.on === 2 && c.calls.off === 2);
  });

  test('components share a client, also when one follows the other', async (t) => {
    quiet(t);
    const c = counted(t);
    const first = show(t, { client: c.client, heard: [] });
    await until(() => first.place.textContent === 'connected  none');
    first.close();
    const second = show(t, { client: c.client, heard: [] });
    await until(() => second.place.textContent === 'connected  none');
    const third = show(t, { client: c.client, heard: [] });
    await turn();
    second.close();
    await turn();
    assert.equal(c.open(), 1);
    third.close();
    await closed(c);
    assert.equal(c.opened.length, 1);
  });

  test('a store outside of components connects while it has subscribers', async (t) => {
    quiet(t);
    const c = counted(t), state = connection(c.client), seen = [];
    assert.equal(c.opened.length, 0);
    const stop = state.subscribe(({ status }) => seen.push(status));
    await until(() => seen.at(-1) === 'connected');
    c.client.emit('drop me');
    await until(() => seen.at(-2) === 'reconnecting' && seen.at(-1) === 'connected');
    assert.equal(get(state).client, c.client);
    stop();
    await closed(c);
    assert.equal(get(connection(null)).status, 'idle');
    assert.equal(get(latest(null, 'echoed', 7)), 7);
    assert.equal(emitter(null)('echo', 1), false);
    listen(null, 'echoed', () => {})();
  });

  test('a server that is not there is an error of the state alone', async (t) => {
    quiet(t);
    const c = counted(t, 'ws://127.0.0.1:1');
    const { place } = show(t, { client: c.client, heard: [] });
    await until(() => place.textContent === 'idle ERR_CONN_001 none');
  });

  test('a server renders idle and opens nothing', async (t) => {
    quiet(t);
    const c = counted(t), { window } = globalThis;
    delete globalThis.window;
    try {
      const Rendered = await component('server');
      const { body } = await render(Rendered, { props: { client: c.client, heard: [] } });
      assert.match(body, /<p>idle {2}none<\/p>/);
    } finally {
      globalThis.window = window;
    }
    await turn();
    assert.equal(c.opened.length, 0);
    assert.deepEqual(c.calls, { on: 0, off: 0 });
  });
});
