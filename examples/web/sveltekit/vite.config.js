import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

const server = process.env.SMARTSOCKET_URL ?? 'ws://localhost:4000';

export default defineConfig({
  plugins: [sveltekit()],
  // The development server passes WebSockets of the page on, as the proxy in front of the real one
  // does. Pages therefore connect to '/game', wherever they are served.
  server: { proxy: { '/game': { target: server, ws: true } } },
});
