// The page of the quiz: whatever the state says is shown, and what is pressed is sent.

import { SmartSocketClient } from '/dist/js.js';
import '/dist/state.js'; // gives clients the method state

const $ = (id) => document.getElementById(id);
const LIMIT = 20_000; // ms for an answer

let client = null;
let quiz = null; // its state
let me = null; // { code, host, player } as the server has said
let shown = ''; // the question whose options are there

// The seat of this window: a key that only it knows, and where that was used.
const seat = {
  get: () => JSON.parse(sessionStorage.getItem('quiz') ?? 'null'),
  set: (value) => sessionStorage.setItem('quiz', JSON.stringify(value)),
  clear: () => sessionStorage.removeItem('quiz'),
};
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
  (b) => b.toString(16).padStart(2, '0')).join('');

// enter connects, and takes or makes a seat: event is host or join.
async function enter(event, data, key) {
  client = new SmartSocketClient('/quiz', {
    apiKey: key, maxReconnectAttempts: -1, reconnectDelay: 500, retryConnect: true,
  });
  const own = client;
  const on = (event, hear) => own.on(event, (...args) => { if (own === client) hear(...args); });
  quiz = own.state('quiz');
  quiz.onChange(show);
  on('quiz:over', (over) => leave(over.message));
  on('connected', () => status(''));
  on('disconnected', () => status('Connection lost'));
  on('reconnected', (recovered) => {
    if (!recovered && me) take('join', { code: me.code }).catch((error) => leave(error.message));
  });
  status('Connecting');
  try {
    await client.connect();
    await take(event, data);
    seat.set({ key, code: me.code });
    location.hash = me.code;
  } catch (error) {
    if (client === own) leave(error.message);
  }
}

// take asks for the seat. Who has one already needs no name.
async function take(event, data) {
  me = await client.emitWithAck(event, data);
  show();
}

function leave(why) {
  client?.disconnect();
  client = quiz = me = null;
  seat.clear();
  shown = '';
  status('');
  document.body.dataset.view = 'start';
  for (const id of ['code', 'leave', 'next']) $(id).hidden = true;
  if (why) toast(why);
}

function status(text) { $('status').textContent = text; }

let toasting;
function toast(text) {
  $('toast').textContent = text;
  $('toast').hidden = false;
  clearTimeout(toasting);
  toasting = setTimeout(() => { $('toast').hidden = true; }, 5000);
}

// show shows the state as it is now.
function show() {
  const now = quiz?.value;
  if (!now || !me) return;
  document.body.dataset.view = now.phase;
  $('code').textContent = me.code;
  $('code').hidden = $('leave').hidden = false;
  if (client.connected) status(now.host || me.host ? '' : 'The host is away');
  if (now.phase === 'lobby') lobby(now);
  if (now.phase === 'question' || now.phase === 'answer') question(now);
  scores(now);
  next(now);
}

function lobby(now) {
  const n = now.players.size;
  $('lobby-title').textContent = me.host ? 'Join with this code' : 'You are in';
  $('big-code').textContent = me.host ? me.code : '';
  $('lobby-note').textContent = me.host ? `${now.of} questions, 20 seconds each`
    : 'The quiz begins when the host says so.';
  $('scores-title').textContent = n === 1 ? '1 player' : `${n} players`;
}

function question(now) {
  const mine = now.players.get(me.player);
  const all = [...now.players.values()];
  if (shown !== now.number + now.question) {
    shown = now.number + now.question;
    $('question').textContent = now.question;
    $('options').replaceChildren(...now.options.map(option));
  }
  $('number').textContent = `Question ${now.number} of ${now.of}`;
  $('answered').textContent = now.phase === 'answer' ? ''
    : `${all.filter((p) => p.answered).length} of ${all.length} have answered`;
  [...$('options').children].forEach((li, i) => {
    const chosen = mine?.choice === i, right = now.right === i;
    li.className = [chosen && 'chosen', right && 'right',
      (mine?.answered ? !chosen : now.phase === 'answer') && 'other'].filter(Boolean).join(' ');
    const button = li.firstElementChild;
    button.disabled = me.host || mine?.answered || now.phase === 'answer';
    button.setAttribute('aria-pressed', String(chosen));
    const count = now.phase === 'answer' ? now.counts[i] : '';
    button.lastElementChild.textContent = right ? `✓ ${count}` : count;
  });
  $('verdict').hidden = me.host;
  verdict(now, mine);
  $('scores-title').textContent = 'Scores';
}

function option(text, i) {
  const li = document.createElement('li'), button = document.createElement('button');
  const key = Object.assign(document.createElement('kbd'), { textContent: i + 1 });
  button.type = 'button';
  button.append(key, text, document.createElement('b'));
  button.addEventListener('click', () => send('answer', i));
  li.append(button);
  return li;
}

function verdict(now, mine) {
  let text = '', kind = '';
  if (mine && now.phase === 'question' && mine.answered) text = 'Your answer is in.';
  if (mine && now.phase === 'answer') {
    kind = mine.gained ? 'good' : 'bad';
    text = mine.gained ? `Right: ${mine.gained} points` : mine.answered ? 'Not this time'
      : 'Too late';
  }
  if ($('verdict').textContent !== text) $('verdict').textContent = text;
  $('verdict').className = 'verdict ' + kind;
}

function scores(now) {
  const rows = [...now.players].sort(([a, p], [b, q]) => q.score - p.score || a - b);
  if (now.phase === 'over') $('scores-title').textContent = 'Final scores';
  $('players').replaceChildren(...rows.map(([id, p]) => {
    const place = rows.filter(([, q]) => q.score > p.score).length + 1;
    const li = document.createElement('li');
    li.className = [id === me.player && 'me', !p.here && 'away'].filter(Boolean).join(' ');
    const notes = [id === me.player && 'you', !p.here && 'away'].filter(Boolean).join(', ');
    li.append(cell('span', 'place', place + '.'), cell('span', 'name', p.name),
      cell('small', '', notes));
    if (now.phase === 'answer' && p.gained) li.append(cell('span', 'gained', '+' + p.gained));
    li.append(cell('span', 'score', p.score));
    return li;
  }));
}

function cell(tag, className, textContent) {
  return Object.assign(document.createElement(tag), { className, textContent });
}

function next(now) {
  const last = now.number === now.of;
  $('next').textContent = { lobby: 'Start', question: 'Show the answer',
    answer: last ? 'Final scores' : 'Next question', over: 'Play again' }[now.phase];
  $('next').hidden = !me.host;
  $('next').disabled = now.players.size === 0;
}

async function send(event, data) {
  try {
    await client.emitWithAck(event, data);
  } catch (error) {
    toast(error.message);
  }
}

// The clock is drawn by the server's time.
function tick() {
  requestAnimationFrame(tick);
  if (quiz?.value?.phase !== 'question') return;
  const left = Math.min(1, Math.max(0, (quiz.value.ends - quiz.now()) / LIMIT));
  $('clock').style.width = `${left * 100}%`;
}
requestAnimationFrame(tick);

$('join').addEventListener('submit', (e) => {
  e.preventDefault();
  enter('join', { code: $('join-code').value, name: $('join-name').value }, newKey());
});
$('host').addEventListener('click', () => enter('host', null, newKey()));
$('leave').addEventListener('click', () => leave());
$('next').addEventListener('click', () => send('next', null));
addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || e.target.closest('input')) return;
  if ('1234'.includes(e.key)) $('options').children[e.key - 1]?.firstElementChild.click();
  if (e.key === 'Enter' && !e.target.closest('button')) $('next').click();
});

// Who reloads goes back to his seat; who opens a link has the code already.
const old = seat.get(), code = location.hash.slice(1).toUpperCase();
if (old && (!code || old.code === code)) enter('join', { code: old.code }, old.key);
else $('join-code').value = code;
