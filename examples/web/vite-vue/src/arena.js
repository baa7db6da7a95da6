import { SmartSocketClient } from '@smartsocket/client';
import { useEvent, useSmartSocket } from '@smartsocket/client/vue';
import { defineStore } from 'pinia';
import { ref } from 'vue';

export const useArena = defineStore('arena', () => {
  const client = new SmartSocketClient('/game'); // works behind Vue's proxies, too
  const { status } = useSmartSocket(client); // connected as soon as a page uses the store
  const players = ref(0);
  const moves = ref([]);
  const cuts = ref(0);
  const recovered = ref(null);

  useEvent(client, 'moved', (move) => moves.value.push(move.X));
  useEvent(client, 'disconnected', (reason, { reconnects }) => {
    if (reconnects) cuts.value++;
  });
  useEvent(client, 'reconnected', (again) => (recovered.value = again));
  return { client, status, players, moves, cuts, recovered };
});
