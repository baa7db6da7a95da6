// @ts-check
// The demo's wiring: what happens on the connection goes to the view, what the
// user does goes to the connection. State lives here, the DOM in view.js.

import { connect } from './connection.js';
import { invent, store } from '../identity.js';
import { View } from './view.js';

/** @typedef {import('../../events').ChatClientEvents} ClientEvents */

const view = new View();
const joined = new Set(); // names of the rooms we are in
const places = new Map(); // room → what we know of it; see place
let current = '';
/** @type {import('../../events').RoomInfo[]} */
let rooms = [];
let name = store.get('name') || invent();
store.set('name', name); // so that a reload does not rename who reloads
let reconnects = 0;
let lastTyping = 0;

view.me(name);

const { client, start } = await connect({
  state: (state, text) => view.state(state, text),
  ready: enter,
  reconnected: () => view.reconnects(++reconnects),
  rtt: (samples) => view.roundTrip(samples),
  engine: (engine) => view.engine(engine),
  missing: (detail) => view.missing(detail),
  failed: (error) => view.toast(error.message),
});

client.on('rooms', (list) => {
  rooms = list;
  drawRooms();
});

client.on('people', (p) => {
  Object.assign(place(p.room), { people: p.people, count: p.count });
  if (p.room === current) drawPeople();
});

client.on('said', (message) => {
  const room = place(message.room);
  if (!remember(room, message)) return;
  stopTyping(message.room, message.from);
  if (message.room === current) view.append(message, message.from === client.id);
  else {
    room.unread++;
    drawRooms();
  }
});

client.on('typing', (who) => {
  const room = place(who.room);
  clearTimeout(room.typing.get(who.id)?.timer);
  room.typing.set(who.id, { name: who.name, timer: setTimeout(() => stopTyping(who.room, who.id), 3000) });
  if (who.room === current) drawTyping();
});

client.on('stats', (figures) => view.figures(figures));

/**
 * @typedef {object} Place
 * @property {import('../../events').SaidMessage[]} messages
 * @property {Set<number>} ids
 * @property {import('../../events').PersonInfo[]} people
 * @property {number} count
 * @property {number} unread
 * @property {Map<string, { name: string, timer: number }>} typing
 */

/**
 * place is what we know of a room. News may come before the answer to our join,
 * so it is kept for rooms we do not count as joined yet.
 * @returns {Place}
 */
function place(room) {
  let known = places.get(room);
  if (!known) {
    known = { messages: [], ids: new Set(), people: [], count: 0, unread: 0, typing: new Map() };
    places.set(room, known);
  }
  return known;
}

// enter runs after every connect: the server knows nothing of us yet.
async function enter() {
  await ask('introduce', { name });
  for (const room of joined) await join(room, room === current);
  if (!joined.size) await join(roomInAddress() || store.get('room') || 'lobby').catch(() => join('lobby'));
}

async function join(room, show = true) {
  const reply = await ask('join', { room });
  const known = place(reply.room);
  joined.add(reply.room);
  const missed = reply.history.filter((message) => remember(known, message));
  known.messages.sort((a, b) => a.id - b.id);
  if (show) open(reply.room);
  else if (missed.length && reply.room !== current) known.unread += missed.length;
  drawRooms();
}

// remember keeps the last 200 messages of a room, each once; ids grow as time does.
function remember(room, message) {
  if (room.ids.has(message.id)) return false;
  room.ids.add(message.id);
  room.messages.push(message);
  if (room.messages.length > 200) room.ids.delete(room.messages.shift()?.id ?? 0);
  return true;
}

function open(name) {
  const room = place(name);
  current = name;
  room.unread = 0;
  store.set('room', name);
  history.replaceState(null, '', '#' + encodeURIComponent(name));
  view.room(name, room.messages, isMine);
  drawRooms();
  drawPeople();
  drawTyping();
}

// A message is ours if this connection or an earlier one of this page sent it.
const mine = new Set();
function isMine(message) {
  return message.from === client.id || mine.has(message.id);
}

function drawRooms() {
  const listed = new Map(rooms.map((room) => [room.name, room.count]));
  for (const known of joined) if (!listed.has(known)) listed.set(known, place(known).count);
  view.rooms([...listed].map(([roomName, count]) => ({
    name: roomName, count, joined: joined.has(roomName), current: roomName === current, unread: joined.has(roomName) ? place(roomName).unread : 0,
  })));
}

function drawPeople() {
  const room = place(current);
  view.people(room.people, room.count, client.id);
}

function drawTyping() {
  view.typing([...place(current).typing.values()].map((who) => who.name));
}

function stopTyping(roomName, id) {
  const room = place(roomName);
  if (!room.typing.has(id)) return;
  clearTimeout(room.typing.get(id)?.timer);
  room.typing.delete(id);
  if (roomName === current) drawTyping();
}

/**
 * @template {keyof ClientEvents & string} E
 * @param {E} event
 * @param {import('/dist/index.js').DataOf<ClientEvents[E]>} data
 */
const ask = (event, data) => client.emitWithAck(event, data, { timeout: 8000 });

function roomInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

// guard shows what went wrong instead of losing it.
const guard = (action) => async (...args) => {
  try {
    await action(...args);
  } catch (error) {
    view.toast(error.message);
  }
};

view.on('open', guard(async (room) => (joined.has(room) ? open(room) : join(room))));

view.on('leave', guard(async () => {
  if (joined.size < 2) throw new Error('This is your only room: open another one first.');
  const gone = current;
  await ask('leave', { room: gone });
  joined.delete(gone);
  places.delete(gone);
  open([...joined].at(-1));
}));

view.on('rename', guard(async (wanted) => {
  const reply = await ask('introduce', { name: wanted });
  name = reply.name;
  store.set('name', name);
  view.me(name);
}));

view.on('say', guard(async (text) => {
  const room = current;
  lastTyping = 0;
  try {
    mine.add((await ask('say', { room, text })).id);
  } catch (error) {
    view.giveBack(text);
    throw error;
  }
}));

view.on('typing', () => {
  if (!client.connected || Date.now() - lastTyping < 1500) return;
  lastTyping = Date.now();
  client.emit('typing', { room: current });
});

view.on('drop', () => client.emit('drop'));

await start();
