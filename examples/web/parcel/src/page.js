import { join } from './arena.js';

join('/game', (text) => {
  document.getElementById('state').textContent = text;
});
