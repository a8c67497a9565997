/** What a worker throws, or exits with, because it was told to fail at random: a death like any other. */
export const CHAOS = "chaos";
export const CHAOS_EXIT = 7;
