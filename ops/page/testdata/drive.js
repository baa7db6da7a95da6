// The way of an operator, from the token to a disconnected socket.

const broken = [];
document.addEventListener('securitypolicyviolation', (event) => {
  broken.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
const complain = console.error;
console.error = (...args) => {
  broken.push(args.join(' '));
  complain(...args);
};

/** until waits until f returns something, and returns that. */
async function until(what, f) {
  for (const late = Date.now() + 60_000; Date.now() < late;) {
    const found = f();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  throw new Error(`never ${what}; the page: ${document.body.innerText}`);
}

const one = (selector) => document.querySelector(selector);
const shows = (text) => until(`shows ${text}`, () => document.body.innerText.includes(text));

async function press(text, inside = 'body') {
  const button = await until(`has ${text}`, () =>
    [...document.querySelectorAll(`${inside} :is(a, button)`)].find((b) =>
      b.textContent === text && !b.disabled && b.offsetParent !== null));
  button.click();
}

async function enter(selector, text) {
  const field = await until(`has ${selector}`, () => one(selector));
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.dispatchEvent(new Event('change', { bubbles: true }));
}

async function signIn(token) {
  await enter('#token', 'a-wrong-token-of-16-bytes');
  await press('Sign in');
  await shows('The server does not take this token.');
  await enter('#who', 'anna');
  await enter('#token', token);
  await press('Sign in');
  await until('is signed in', () => document.body.dataset.state === 'online');
}

async function path({ token, id }) {
  await signIn(token);
  await shows('Ready');
  const open = () => one('[aria-label="Connections"] output').textContent;
  await until('counts the connections', () => open() === '1');
  await press('Rooms');
  await press('/arena');
  await press('lobby');
  await shows('1 member');
  await press('Tail');
  await enter('#event', 'move');
  await press('Start');
  await shows('Following');
  await fetch('/drive/move', { method: 'POST' });
  await until('shows the event', () => [...document.querySelectorAll('.tail tr')].some((row) =>
    row.innerText.includes('move') && row.innerText.includes(id)));
  await press('Stop');
  await press('Sockets');
  await enter('#q', 'ann');
  await press(id);
  await until('names it', () => one('h1')?.textContent === `anna ${id}`);
  await press('Disconnect…');
  await until('asks', () => one('dialog').open && one('dialog').contains(document.activeElement));
  await press('Cancel', 'dialog');
  await until('goes back', () => !one('dialog').open);
  await press('Disconnect…');
  await press('Disconnect', 'dialog');
  await shows('This socket has ended.');
  if (broken.length) throw new Error(broken.join('\n'));
  if (document.documentElement.scrollWidth > innerWidth) throw new Error('it is too wide');
  return 'done';
}

window.browsertest.run(fetch('/drive.json').then((answer) => answer.json()).then(path));
