import type { InputSettings } from "../map/inputs.js";

/** What `allcores advise` was told, checked. */
export interface AdviseSettings extends InputSettings {
  /** Milliseconds. */
  readonly budget: number;
  readonly once: boolean;
  readonly sample?: number;
  readonly total?: number;
  readonly workers?: number;
  readonly json: boolean;
}
