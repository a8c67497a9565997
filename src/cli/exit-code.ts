/** How the command line ends. These numbers are part of the public contract: scripts ask for them. */
export const EXIT = {
  done: 0,
  itemsFailed: 1,
  usage: 2,
  task: 3,
  input: 4,
  halted: 5,
  output: 6,
  journal: 7,
  server: 8,
  crash: 70,
  hangUp: 129,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const;

/** What each of them means, and what to do. */
export const EXIT_MEANINGS: Readonly<Record<number, string>> = {
  [EXIT.done]: "all was done",
  [EXIT.itemsFailed]: "all was run, and some items failed; each has its line on stderr",
  [EXIT.usage]: "the command line is wrong: an unknown option, a value that is none, a code that there is not",
  [EXIT.task]: "the module or its export was not found, or the module throws when it is loaded; nothing more was run",
  [EXIT.input]:
    "an input could not be read: a file is missing, a line is no JSON, or stdin is closed; the rest was run",
  [EXIT.halted]: "--halt or --on-error stop ended the run before its last item",
  [EXIT.output]:
    "results or the journal could not be written, as on a full disk; with a journal the same command goes on",
  [EXIT.journal]: "the journal is of another run: its module, options or inputs differ; --force goes on all the same",
  [EXIT.server]: "the server of a queue could not be used, or an option of the worker makes no sense",
  [EXIT.crash]: "a fault of the command line itself, or of the library: please report it",
  [EXIT.hangUp]: "the terminal was closed: what ran has ended, and nothing more was begun",
  [EXIT.interrupted]:
    "Ctrl-C: what ran has ended, and nothing more was begun; after a second Ctrl-C nothing was waited for",
  [EXIT.brokenPipe]: "nobody reads stdout any more, as after `| head`; nothing is said about it",
  [EXIT.terminated]: "SIGTERM: what ran has ended, and nothing more was begun",
};

/** By which a command tells how it ended, once what it has to say is said. */
export type Finish = (exitCode: number) => void;
