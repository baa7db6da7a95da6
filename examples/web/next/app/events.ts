export type Move = { X: number; Y: number };

export type ServerEvents = { moved: Move };

export type ClientEvents = {
  move: Move;
  join: (room: string) => number;
  count: (room: string) => number;
};
