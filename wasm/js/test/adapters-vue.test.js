// @smartsocket/client/vue with the real Vue and a real server; started by TestAdapters.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { adapter, closed, counted, page, quiet, skip, turn, until, url } from './adapters-setup.js';

const app = page(); // Vue looks for a page when it is loaded
const {
  createApp, createSSRApp, effectScope, h, nextTick, reactive, shallowRef,
} = await import('vue');
const { renderToString } = await import('vue/server-renderer');
const { useEmit, useEvent, useLatest, useSmartSocket } = await adapter('vue');

// mount renders the component whose setup is given and unmounts it after the test t.
function mount(t, setup) {
  const place = document.createElement('div');
  const root = createApp({ setup });
  app.append(place);
  root.mount(place);
  let mounted = true;
  const unmount = () => {
    if (mounted) root.unmount();
    mounted = false;
  };
  t.after(unmount);
  return { place, unmount };
}

describe('Vue', { skip }, () => {
  test('a component opens one connection and closes it at the end', async (t) => {
    quiet(t);
    const c = counted(t), heard = [];
    let send;
    const { place, unmount } = mount(t, () => {
      const { status, connected } = useSmartSocket(c.client);
      useEvent(c.client, 'echoed', (text) => heard.push(text));
      send = useEmit(c.client, 'echo');
      const last = useLatest(c.client, 'echoed', 'none');
      return () => [status.value, connected.value, last.value].join(' ');
    });
    await until(() => place.textContent === 'connected true none');
    assert.equal(await new Promise((resolve) => send('hello', resolve)), 'hello');
    await until(() => place.textContent === 'connected true hello');
    assert.deepEqual(heard, ['hello']);
    unmount();
    await closed(c);
    assert.equal(c.opened.length, 1);
    assert.ok(c.calls.on > 0 && c.calls.on === c.calls.off);
  });

  test('the client may be a ref, and may come later and change', async (t) => {
    quiet(t);
    const red = counted(t, url + '/game?room=red'), blue = counted(t, url + '/game?room=blue');
    const room = shallowRef(null);
    let emit;
    const { place, unmount } = mount(t, () => {
      const { status } = useSmartSocket(room);
      const last = useLatest(() => room.value, 'echoed', '-');
      emit = useEmit(room);
      return () => [room.value ? 'client' : 'none', status.value, last.value].join(' ');
    });
    await turn();
    assert.equal(place.textContent, 'none idle -');
    assert.equal(emit('echo', 1), false);
    room.value = red.client;
    await until(() => place.textContent === 'client connected -');
    emit('echo', 'red');
    await until(() => place.textContent === 'client connected red');
    room.value = blue.client;
    // Not the data of the red room.
    await until(() => place.textContent === 'client connected -');
    await closed(red);
    emit('echo', 'blue');
    await until(() => place.textContent === 'client connected blue');
    room.value = null;
    await closed(blue);
    assert.equal(place.textContent, 'none idle -');
    unmount();
    assert.deepEqual([red.opened.length, blue.opened.length], [1, 1]);
  });

  test('a client inside reactive() is the same client', async (t) => {
    quiet(t);
    const c = counted(t), store = reactive({ client: c.client });
    const { place } = mount(t, () => {
      const { status } = useSmartSocket(() => store.client);
      const plain = useSmartSocket(c.client).status;
      return () => status.value + ' ' + plain.value;
    });
    await until(() => place.textContent === 'connected connected');
    assert.equal(c.opened.length, 1);
  });

  test('an effect scope, as of a Pinia store, outlives the component that made it', async (t) => {
    quiet(t);
    const c = counted(t), scope = effectScope(true), heard = [];
    let state;
    const { place, unmount } = mount(t, () => {
      scope.run(() => {
        state = useSmartSocket(c.client);
        useEvent(c.client, 'echoed', (text) => heard.push(text));
      });
      return () => state.status.value;
    });
    await until(() => place.textContent === 'connected');
    unmount();
    await turn();
    await c.client.emitWithAck('echo', 'later');
    assert.deepEqual(heard, ['later']);
    assert.equal(state.connected.value, true);
    scope.stop();
    await closed(c);
    assert.equal(c.opened.length, 1);
  });

  test('a scope outside of every component begins at once', async (t) => {
    quiet(t);
    const c = counted(t), scope = effectScope();
    const { connected } = scope.run(() => useSmartSocket(c.client));
    await until(() => connected.value);
    scope.stop();
    await closed(c);
  });

  test('the state tells of a loss, of the end, and of a server that is not there', async (t) => {
    quiet(t);
    const c = counted(t), states = [];
    const { place } = mount(t, () => {
      const { status } = useSmartSocket(c.client);
      const nobody = counted(t, 'ws://127.0.0.1:1');
      const { error } = useSmartSocket(nobody.client);
      return () => {
        if (states.at(-1) !== status.value) states.push(status.value);
        return status.value + ' ' + error.value?.code;
      };
    });
    await until(() => place.textContent === 'connected ERR_CONN_001');
    c.client.emit('drop me');
    await until(() => states.length > 3 && place.textContent.startsWith('connected'));
    assert.deepEqual(states.slice(-3), ['connected', 'reconnecting', 'connected']);
    c.client.on('error', () => {}); // it is logged otherwise, as without the composable
    c.client.emit('ban me');
    await until(() => place.textContent.startsWith('idle'));
  });

  test('a server renders idle and opens nothing; the page takes it over', async (t) => {
    quiet(t);
    const c = counted(t);
    const Root = {
      setup() {
        const { status } = useSmartSocket(c.client);
        useEvent(c.client, 'echoed', () => {});
        const last = useLatest(c.client, 'echoed', 'none');
        return () => h('p', status.value + ' ' + last.value);
      },
    };
    const html = await renderToString(createSSRApp(Root));
    assert.equal(html, '<p>idle none</p>');
    await turn();
    assert.equal(c.opened.length, 0);
    assert.deepEqual(c.calls, { on: 0, off: 0 });
    await c.client.connect();
    const place = document.createElement('div');
    place.innerHTML = html;
    const p = place.firstChild, root = createSSRApp(Root);
    root.mount(place);
    await nextTick();
    assert.equal(place.textContent, 'connected none');
    assert.equal(place.firstChild, p);
    root.unmount();
    await turn();
    assert.equal(c.client.connected, true, 'the application opened it');
  });
});
