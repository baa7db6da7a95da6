import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const server = process.env.SMARTSOCKET_URL ?? 'ws://localhost:4000';

export default defineConfig({
  plugins: [vue()],
  // Pages connect to '/game', wherever they are served; see the project with React.
  server: { proxy: { '/game': { target: server, ws: true } } },
});
