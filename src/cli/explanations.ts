/** What an error code means, and what to do about it. A test compares the codes with those of `src/errors/`. */
export interface Explanation {
  /** The class that has the code. */
  readonly error: string;
  readonly means: string;
  readonly remedy: string;
}

const entry = (error: string, means: string, remedy: string): Explanation => ({ error, means, remedy });

export const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ERR_ALLCORES_ARGUMENT_TYPE: entry(
    "ArgumentTypeError",
    "An argument or option has the wrong type, or an option has a name that the call does not know.",
    "Read the message: it names the argument, what is allowed, and what it got. Nothing was changed; mend the call.",
  ),
  ERR_ALLCORES_ARGUMENT_RANGE: entry(
    "ArgumentRangeError",
    "An argument has the right type and a value that is not allowed, such as a negative timeout or zero parties.",
    "Give a value in the range that the message names. Nothing was changed.",
  ),
  ERR_ALLCORES_NOT_HELD: entry(
    "NotHeldError",
    "Something was released, or waited with, that nobody holds.",
    "Release once for each acquire. `using held = lock.acquireSync()` releases by itself, once.",
  ),
  ERR_ALLCORES_NOT_OWNER: entry(
    "NotOwnerError",
    "A worker released what another worker holds.",
    "Release where it was acquired, or hand it over with `held.handOff(worker)`. A plain Lock may be released by anybody.",
  ),
  ERR_ALLCORES_RELEASED_TOO_OFTEN: entry(
    "ReleasedTooOftenError",
    "A bounded semaphore was released, or a queue's item marked as done, more often than it was taken.",
    "Look for a second release on the same path, often in a `finally` after a `using`. A Semaphore has no bound.",
  ),
  ERR_ALLCORES_FREED: entry(
    "FreedError",
    "An object was used after this worker gave its memory back with `free()`, or after that memory was gone.",
    "Call `free()` after the last use. An object that another worker needs has to be sent there before.",
  ),
  ERR_ALLCORES_DEADLOCK: entry(
    "DeadlockError",
    "The wait can never end: only the caller could end it, or workers that wait for each other in a circle.",
    "Take locks in one order everywhere, and never block a thread on what its own event loop has to do. The error's report shows who waits for whom.",
  ),
  ERR_ALLCORES_UNSENDABLE: entry(
    "UnsendableError",
    "A value cannot cross to another worker: a closure, a socket, an instance of an unknown class.",
    "`path` names the place in what was sent. Send data in its place, a task for a function, or register the class with `sendable()`.",
  ),
  ERR_ALLCORES_REACH: entry(
    "ReachError",
    "An object that only the threads of one process share was sent to another process.",
    'Make it with `{ across: "processes" }`. `path` names it.',
  ),
  ERR_ALLCORES_TOO_LARGE: entry(
    "TooLargeError",
    "What was put is larger than the channel can ever hold.",
    "Make the channel with a larger `capacity`, or send the data in pieces or by SharedMemory.",
  ),
  ERR_ALLCORES_NOT_A_TASK: entry(
    "NotATaskError",
    "A plain function or a closure was given where a task is needed: another worker has another heap and could not find it.",
    "Register it in its module, `export const work = task(import.meta, function work() {…})`, or use `taskModule`.",
  ),
  ERR_ALLCORES_TASK_NOT_FOUND: entry(
    "TaskNotFoundError",
    "The module was loaded in the worker, and has no task and no exported function of that name.",
    "Export the function, or call `task()` at the top level of the module, not inside a function and not behind `isMain`.",
  ),
  ERR_ALLCORES_MAIN_GUARD: entry(
    "MainGuardError",
    "A module that a worker loads for its task starts workers at its top level, and so would each of them.",
    "Put the program's own lines behind `if (isMain(import.meta))`.",
  ),
  ERR_ALLCORES_NESTING: entry(
    "NestingError",
    "A worker four levels below the main program was about to start another one.",
    "Look for a task that starts a pool for each of its calls. Submit to the pool it came from with `pool.handle()`.",
  ),
  ERR_ALLCORES_STATE: entry(
    "StateError",
    "An object was used in a state that does not allow the call: started twice, used after close.",
    "The message names the state and the call. Make a new object, or move the call before the end.",
  ),
  ERR_ALLCORES_NAME_TAKEN: entry(
    "NameTakenError",
    "A named object was made under a name that is in use.",
    "Open it by its name, choose another, or call `unlink()` on the old one first.",
  ),
  ERR_ALLCORES_NAME_NOT_FOUND: entry(
    "NameNotFoundError",
    "No living worker holds an object of that name.",
    "Make it first, and keep it while others open it. Check the spelling and the reach.",
  ),
  ERR_ALLCORES_TIMEOUT: entry(
    "TimeoutError",
    "A time limit ran out: that of a wait, of a call, or of a task (`taskTimeout`, `allcores map --timeout`).",
    "Raise the limit if the work may take so long. `dumpOnSignal` and `snapshot` show what a program waits for.",
  ),
  ERR_ALLCORES_BROKEN_BARRIER: entry(
    "BrokenBarrierError",
    "A party of the barrier timed out, was aborted, died, or called `abort()`, so the round cannot be completed.",
    "Treat the round as failed in every party. `reset()` makes the barrier usable again.",
  ),
  ERR_ALLCORES_QUEUE_SHUT_DOWN: entry(
    "QueueShutDownError",
    "The queue was shut down: nothing goes in any more, and nothing comes out once it is empty.",
    "For a consumer this is the end of the work. A producer must not outlive the shutdown.",
  ),
  ERR_ALLCORES_CONNECTION_CLOSED: entry(
    "ConnectionClosedError",
    "The other end of the pipe was closed, or its worker has ended.",
    "For a receiver this is the end of the data. A sender should find out why the other side has ended.",
  ),
  ERR_ALLCORES_CANCELLED: entry(
    "CancelledError",
    "The task was cancelled, or its pool terminated, before it had a result.",
    "Nothing to mend if you cancelled it. Else look who calls `cancel`, `clear` or `terminate`, or leaves a loop over a map.",
  ),
  ERR_ALLCORES_SCHEDULE: entry(
    "ScheduleError",
    "`explore` of allcores/testing found an order of steps under which the program fails.",
    "The message shows the schedule step by step. Mend the program, and keep the schedule as a test.",
  ),
  ERR_ALLCORES_POOL_FULL: entry(
    "PoolFullError",
    "As many tasks wait as the pool's `maxQueue` allows.",
    "Wait with `waitForSizeLessThan`, use `trySubmit`, use `map` (which takes only what there is room for), or raise `maxQueue`.",
  ),
  ERR_ALLCORES_TASK_GROUP: entry(
    "TaskGroupError",
    "Tasks of a TaskGroup failed; the others were cancelled.",
    "`errors` has each failure in the order in which they came.",
  ),
  ERR_ALLCORES_WORKER_DIED: entry(
    "WorkerDiedError",
    "A worker ended before it delivered its result: it was killed, crashed, or called `process.exit`.",
    "`signal`, `exitCode` and `deaths` say how. SIGKILL is often the kernel out of memory, SIGSEGV native code. `retries` tries again; processes keep a crash away from the program.",
  ),
  ERR_ALLCORES_OWNER_DIED: entry(
    "OwnerDiedError",
    'The holder of a lock made with `{ onOwnerDeath: "error" }` ended without releasing it.',
    "Repair what the lock guards, then call `lock.consistent()`.",
  ),
  ERR_ALLCORES_MEMORY_LIMIT: entry(
    "MemoryLimitError",
    "A worker took more memory than `resourceLimits` or V8 allow, and was ended.",
    "Give it more (`resourceLimits: { heap }`, `allcores map --memory`), or smaller pieces. Use processes: a thread out of memory may end the program.",
  ),
  ERR_ALLCORES_INITIALIZER: entry(
    "InitializerError",
    "The pool's `initializer` threw, or its workers ended one after the other while they ran it.",
    "`cause` has what it threw. Run the initializer by itself once to see it fail.",
  ),
  ERR_ALLCORES_TASK_LOAD: entry(
    "TaskLoadError",
    "A module could not be loaded in a worker: it is missing, throws at its top level, or is TypeScript and tsx is missing.",
    "`cause` has what it threw. Import the module in a program of its own to see the whole error.",
  ),
  ERR_ALLCORES_PLATFORM: entry(
    "PlatformError",
    "This system or installation cannot share memory between processes. Threads work without it.",
    "`allcores doctor` says what is missing. On Linux reinstall with dependencies: koffi is needed.",
  ),
  ERR_ALLCORES_PERMISSION: entry(
    "PermissionError",
    "Node's permission model withholds something that a worker or shared memory needs.",
    "Start the program with the flags in `flags` too.",
  ),
  ERR_ALLCORES_ATTACH: entry(
    "AttachError",
    "A program's shared memory cannot be reached from here, or was never this program's.",
    "Both processes need the same user and container, and the program must still run. The message names which it was.",
  ),
  ERR_ALLCORES_OUT_OF_MEMORY: entry(
    "OutOfMemoryError",
    "The shared heap, or the memory of the machine, is full.",
    "Call `free()` on objects that are no longer used, bound queues with `maxSize`, and send less at once. `snapshot()` shows what lies there.",
  ),
  ERR_ALLCORES_OUT_OF_DESCRIPTORS: entry(
    "OutOfDescriptorsError",
    "This process, or the machine, has as many files open as it may.",
    "Close files, use fewer processes, or raise the limit with `ulimit -n`.",
  ),
  ERR_ALLCORES_TOO_MANY_WORKERS: entry(
    "TooManyWorkersError",
    "More workers are alive than the registry has room for.",
    "Use a pool with a bounded number of workers in place of one worker for each job.",
  ),
  ERR_ALLCORES_CORRUPT: entry(
    "CorruptError",
    "Bytes in shared memory are not what this library wrote there.",
    "Look for native code, or for another version of the library in one program. Without either, please report it.",
  ),
  ERR_ALLCORES_UNKNOWN_CLASS: entry(
    "UnknownClassError",
    "An instance of a class arrived, and the module that registers the class is not loaded here.",
    "Import `module` of the error first, and decode once more.",
  ),
  ERR_ALLCORES_MODULE_NOT_ALLOWED: entry(
    "ModuleNotAllowedError",
    "A message names a module outside the program's projects, which a message must not have loaded.",
    "If you trust it, call `allowModules(module)` at the top level of a module that every receiver loads.",
  ),
  ERR_ALLCORES_REMOTE_UNAVAILABLE: entry(
    "RemoteUnavailableError",
    "The server behind a remote pool could not be used: it was not reached in time, or it refused what was asked of it.",
    "`reason` says which. Mend the server, and submit the call again under the same `id`: it is not run twice.",
  ),
  ERR_ALLCORES_ID_CONFLICT: entry(
    "IdConflictError",
    "Under the `id` of a remote call there is another task, or the same one with other arguments.",
    "Give each piece of work an id of its own, as of its inputs; or wait until the other's retention is over.",
  ),
  ERR_ALLCORES_VALUE_TOO_LARGE: entry(
    "ValueTooLargeError",
    "An argument or a result of a remote task is longer than `maxValueBytes`.",
    "`path` says where the most of it is. Send a reference to it, give the pool a `store`, or raise `maxValueBytes`.",
  ),
};
