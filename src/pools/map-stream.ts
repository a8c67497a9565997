/** `map` between streams: its lazy input and its iterated output are all that backpressure needs. */
import { ReadableStream, TransformStream } from "node:stream/web";
import { offAbort, onAbort } from "../parking/index.js";
import type { MapOptions } from "./map-options.js";
import type { MapRun } from "./map-run.js";

/** What `stream.pipeline` takes between its source and its sink. */
export type PipelineStage<A, R> = (
  source: AsyncIterable<A> | Iterable<A>,
  options?: { signal?: AbortSignal | undefined },
) => AsyncGenerator<R, void, undefined>;

type Map<A, R> = (items: AsyncIterable<A> | Iterable<A>, options?: MapOptions) => MapRun<A, R>;

export function generatorOver<A, R>(map: Map<A, R>, options?: MapOptions): PipelineStage<A, R> {
  return async function* stage(source, { signal } = {}) {
    const run = map(source, options);
    // The pipeline's own signal: it aborts when another of its stages fails.
    const abort = () => run.cancel(signal?.reason);
    if (signal?.aborted === true) abort();
    onAbort(signal, abort);
    try {
      yield* run;
    } finally {
      offAbort(signal, abort);
    }
  };
}

/**
 * Rejected: one TransformStream whose `transform` starts the tasks. Its readable side cannot say that it was cancelled
 * (not before Node 21), and what it enqueues past the reader's demand waits for nobody. Two streams with a map between
 * them have both.
 */
export function transformOver<A, R>(map: (items: AsyncIterable<A>) => MapRun<A, R>): globalThis.TransformStream<A, R> {
  const { readable, writable } = new TransformStream<A, A>();
  const results = map({ [Symbol.asyncIterator]: () => read(readable) });
  return { readable: ReadableStream.from(results), writable } as unknown as globalThis.TransformStream<A, R>;
}

/** Not the stream's own iterator: whose `return` waits for the item that is being waited for. */
function read<A>(readable: ReadableStream<A>): AsyncIterator<A> {
  const reader = readable.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<A>>,
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
