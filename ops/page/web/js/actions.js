// What an operator does with sockets and rooms, each after a question.

import { post } from './api.js';
import { ask } from './dialog.js';
import { el } from './dom.js';
import { many } from './format.js';
import { now } from './live.js';

/** ways are how a connection is ended: a kick is final, the other code lets clients return. */
function ways() {
  const radio = (value, title, text, checked) => el('label', { class: 'check' },
    el('input', { type: 'radio', name: 'way', value, checked }),
    el('span', {}, el('b', {}, title), el('br'), text));
  const set = el('fieldset', {}, el('legend', { class: 'hidden' }, 'How'),
    radio('', 'For good', 'A kick: the client stays away, and its session ends.', true),
    radio('3000', 'It may come back', 'The client connects again, and keeps its session.', false));
  set.body = () => {
    const code = Number(set.querySelector('input:checked').value);
    return code ? { code, reason: 'disconnected by an operator' } : {};
  };
  return set;
}

/** disconnect asks whether to disconnect a socket. @param {any} s */
export async function disconnect(s) {
  const fields = ways();
  if (await ask({
    title: 'Disconnect this socket?', text: `${s.identity || s.id} at ${s.address || 'no address'}`,
    action: 'Disconnect', danger: true, fields,
    run: async () => {
      await post(`sockets/${encodeURIComponent(s.id)}/disconnect`, fields.body());
      return `${s.identity || s.id} is disconnected`;
    },
  })) now();
}

/** leave asks whether a socket is to leave a room. @param {any} s @param {string} room */
export async function leave(s, room) {
  if (await ask({
    title: `Leave ${room}?`, action: 'Leave', danger: true,
    text: `${s.identity || s.id} gets nothing more that is sent to this room. It stays connected.`,
    run: async () => {
      await post(`sockets/${encodeURIComponent(s.id)}/leave`, { rooms: [room] });
      return `It has left ${room}`;
    },
  })) now();
}

/** empty asks whether everybody is to leave a room. */
export async function empty(namespace, room, members) {
  if (await ask({
    title: 'Empty this room?', action: 'Everybody leaves', danger: true, word: room,
    text: `${many(members, 'member')} of ${room} in ${namespace} leave it and stay connected.`,
    run: async () => {
      const { sockets } = await post('rooms/leave', { namespace, room });
      return `${many(sockets, 'socket')} left ${room}`;
    },
  })) now();
}

/** disconnectRoom asks whether to disconnect everybody in a room. */
export async function disconnectRoom(namespace, room, members) {
  const fields = ways();
  if (await ask({
    title: 'Disconnect everybody in this room?', action: 'Disconnect all', danger: true, word: room,
    text: `${many(members, 'member')} of ${room} in ${namespace}.`, fields,
    run: async () => {
      const { sockets } = await post('rooms/disconnect', { namespace, room, ...fields.body() });
      return `${many(sockets, 'socket')} of ${room} disconnected`;
    },
  })) now();
}
