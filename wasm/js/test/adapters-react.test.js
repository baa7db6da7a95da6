// @smartsocket/client/react with the real React and a real server; started by TestAdapters.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { adapter, closed, counted, page, quiet, skip, turn, until, url } from './adapters-setup.js';

const app = page(); // react-dom looks for a page when it is loaded
const { StrictMode, createElement: h, useState } = await import('react');
const { createRoot, hydrateRoot } = await import('react-dom/client');
const { renderToString } = await import('react-dom/server');
const { useEmit, useEvent, useLatest, useSmartSocket } = await adapter('react');

// mount renders into a place of its own and unmounts it after the test t.
function mount(t, element) {
  const place = document.createElement('div');
  const root = createRoot(place);
  app.append(place);
  root.render(element);
  t.after(() => root.unmount());
  return { place, root };
}

const strict = (element) => h(StrictMode, null, element);

function State({ client }) {
  const { status, error } = useSmartSocket(client);
  return h('p', null, error ? status + ' ' + error.code : status);
}

describe('React', { skip }, () => {
  test('StrictMode opens one connection and closes it at the end', async (t) => {
    quiet(t);
    const c = counted(t), heard = [];
    let send;
    function Game() {
      const { client, status, connected, error } = useSmartSocket(c.client);
      assert.equal(client, c.client);
      assert.equal(connected, status === 'connected');
      assert.equal(error, null);
      useEvent(client, 'echoed', (text) => heard.push(text));
      send = useEmit(client, 'echo');
      return h('p', null, status, ' ', useLatest(client, 'echoed', 'none'));
    }
    const { place, root } = mount(t, strict(h(Game)));
    await until(() => place.textContent === 'connected none');
    const answer = await new Promise((resolve) => send('hello', resolve));
    assert.equal(answer, 'hello');
    await until(() => place.textContent === 'connected hello');
    assert.deepEqual(heard, ['hello'], 'listeners of the first mount are gone');
    assert.equal(c.opened.length, 1);
    root.unmount();
    await closed(c);
    assert.equal(c.calls.on, c.calls.off);
    assert.equal(c.opened.length, 1);
  });

  test('a function makes a client, another one when its dependencies change', async (t) => {
    quiet(t);
    const made = new Map();
    let move;
    function Room() {
      const [room, setRoom] = useState('red');
      move = setRoom;
      const { client, connected } = useSmartSocket(() => {
        const c = counted(t, url + '/game?room=' + room);
        made.set(c.client, c);
        return c.client;
      }, [room]);
      const last = useLatest(client, 'echoed', '-');
      const onClick = () => client.emit('echo', room);
      return h('p', { onClick }, room, ' ', String(connected), last);
    }
    const { place, root } = mount(t, strict(h(Room)));
    const event = () => new window.Event('click', { bubbles: true });
    const click = () => place.firstChild.dispatchEvent(event());
    await until(() => place.textContent === 'red true-');
    click();
    await until(() => place.textContent === 'red truered');
    const [red] = [...made.values()].filter((c) => c.opened.length > 0);
    move('blue');
    await until(() => place.textContent === 'blue true-'); // and not the data of the red room
    await closed(red);
    click();
    await until(() => place.textContent === 'blue trueblue');
    root.unmount();
    await Promise.all([...made.values()].map(closed));
    assert.equal([...made.values()].reduce((n, c) => n + c.opened.length, 0), 2);
  });

  test('components share a client; the last one closes it, a new page does not', async (t) => {
    quiet(t);
    const c = counted(t);
    const first = mount(t, h(State, { client: c.client }));
    await until(() => first.place.textContent === 'connected');
    const second = mount(t, h(State, { client: c.client }));
    await until(() => second.place.textContent === 'connected');
    first.root.unmount();
    await turn();
    assert.equal(c.open(), 1);
    second.root.render(h('div', null, h(State, { client: c.client }))); // another component there
    await until(() => second.place.innerHTML === '<div><p>connected</p></div>');
    await turn();
    assert.equal(c.opened.length, 1);
    second.root.unmount();
    await closed(c);
    const third = mount(t, h(State, { client: c.client }));
    await until(() => third.place.textContent === 'connected');
    assert.equal(c.opened.length, 2);
  });

  test('what the application connected stays open', async (t) => {
    quiet(t);
    const c = counted(t);
    await c.client.connect();
    const { place, root } = mount(t, strict(h(State, { client: c.client })));
    await until(() => place.textContent === 'connected');
    root.unmount();
    await turn();
    assert.equal(c.client.connected, true);
  });

  test('the state tells of a loss and of the end', async (t) => {
    quiet(t);
    const c = counted(t), states = [];
    function Watch() {
      const { status } = useSmartSocket(c.client);
      if (states.at(-1) !== status) states.push(status);
      return h('p', null, status);
    }
    const { place } = mount(t, h(Watch));
    await until(() => place.textContent === 'connected');
    c.client.emit('drop me');
    await until(() => states.length === 5 && place.textContent === 'connected');
    assert.deepEqual(states, ['idle', 'connecting', 'connected', 'reconnecting', 'connected']);
    c.client.on('error', () => {}); // it is logged otherwise, as without the hook
    c.client.emit('ban me');
    await until(() => place.textContent === 'idle');
    c.client.disconnect();
  });

  test('a server that is not there is an error of the state alone', async (t) => {
    quiet(t);
    const c = counted(t, 'ws://127.0.0.1:1');
    const { place, root } = mount(t, strict(h(State, { client: c.client })));
    await until(() => place.textContent === 'idle ERR_CONN_001');
    assert.equal(c.opened.length, 1);
    root.render(null);
    await turn();
    root.render(strict(h(State, { client: c.client }))); // mounted anew it tries again
    await until(() => c.opened.length === 2 && place.textContent === 'idle ERR_CONN_001');
  });

  test('the listener of the last rendering is called, and is not added anew', async (t) => {
    quiet(t);
    const c = counted(t), heard = [];
    function Listening({ prefix }) {
      useSmartSocket(c.client);
      useEvent(c.client, 'echoed', (text) => heard.push(prefix + text));
      useEvent(null, 'echoed', () => assert.fail('there is no client'));
      return prefix;
    }
    const { place, root } = mount(t, h(Listening, { prefix: 'a' }));
    await until(() => place.textContent === 'a');
    root.render(h(Listening, { prefix: 'b' }));
    await until(() => place.textContent === 'b');
    await c.client.emitWithAck('echo', 1);
    assert.deepEqual(heard, ['b1']);
    assert.deepEqual(c.calls, { on: 1, off: 0 });
  });

  test('what useEmit returns stays the same; without a client it is false', async (t) => {
    quiet(t);
    const c = counted(t), seen = [];
    function Sending({ client, n }) {
      const { status } = useSmartSocket(client);
      seen.push([client, useEmit(client), useEmit(client, 'echo')]);
      return status + n;
    }
    const { place, root } = mount(t, h(Sending, { client: null, n: 1 }));
    await until(() => place.textContent === 'idle1');
    assert.equal(seen[0][1]('echo', 1), false);
    assert.equal(seen[0][2](1), false);
    root.render(h(Sending, { client: null, n: 2 }));
    await until(() => place.textContent === 'idle2');
    root.render(h(Sending, { client: c.client, n: 3 }));
    await until(() => place.textContent === 'connected3');
    const [none, some] = [null, c.client].map((client) => seen.filter((s) => s[0] === client));
    for (const same of [none, some]) {
      assert.ok(same.length > 1);
      for (const s of same) assert.deepEqual(s, same[0]);
    }
    const answer = await new Promise((resolve) => some[0][1]('echo', { x: 1 }, resolve));
    assert.deepEqual(answer, { x: 1 });
  });

  test('a page takes over what a server rendered, of a connected client too', async (t) => {
    quiet(t);
    const c = counted(t);
    const tree = strict(h(State, { client: c.client }));
    const place = document.createElement('div');
    place.innerHTML = renderToString(tree);
    assert.equal(place.innerHTML, '<p>idle</p>');
    await turn();
    assert.equal(c.opened.length, 0);
    await c.client.connect();
    const p = place.firstChild;
    const root = hydrateRoot(place, tree, {
      onRecoverableError: (error) => assert.fail(error),
    });
    await until(() => place.textContent === 'connected');
    assert.equal(place.firstChild, p);
    root.unmount();
  });
});
