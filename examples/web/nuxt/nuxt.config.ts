const server = process.env.SMARTSOCKET_URL ?? 'ws://localhost:4000';

export default defineNuxtConfig({
  compatibilityDate: '2026-01-01',
  telemetry: false,
  // Where the page connects to. In production a proxy has the pages and the arena at one address.
  $development: { runtimeConfig: { public: { game: `${server}/game` } } },
  $production: { runtimeConfig: { public: { game: '/game' } } },
  app: { head: { title: 'Arena', link: [{ rel: 'icon', href: 'data:,' }] } },
});
