import { SmartSocketClient } from '@smartsocket/client';
import { defineStore } from 'pinia';

export const useArena = defineStore('arena', {
  state: () => ({
    client: new SmartSocketClient('/game'), // works behind Vue's proxies, too
    status: 'connecting',
    players: 0,
    moves: [],
    cuts: 0,
    recovered: null,
  }),
  actions: {
    join() {
      this.client.on('connected', () => (this.status = 'connected'));
      this.client.on('moved', (move) => this.moves.push(move.X));
      this.client.on('disconnected', (reason, { reconnects }) => {
        if (reconnects) this.$patch({ status: 'away', cuts: this.cuts + 1 });
      });
      this.client.on('reconnected', (recovered) => (this.recovered = recovered));
      this.client.once('connected', async () => {
        this.players = await this.client.emitWithAck('join', 'arena');
        this.client.emit('move', { X: 1, Y: 1 });
      });
      this.client.connect();
    },
    leave() {
      this.client.disconnect();
    },
  },
});
