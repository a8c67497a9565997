/** What a call of a remote pool says beyond what calls of all pools do. */
export interface RemoteExtra {
  readonly id: string | undefined;
  readonly delay: number;
  readonly traceparent: string | undefined;
}

export const NO_EXTRA: RemoteExtra = { id: undefined, delay: 0, traceparent: undefined };
