import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";

/** A whole number from `least`, or `otherwise` where none is given. */
export function wholeNumber(option: string, value: unknown, least: number, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== "number") throw new ArgumentTypeError(`options.${option} must be a number, got ${typeof value}`);
  if (!Number.isInteger(value) || value < least)
    throw new ArgumentRangeError(`options.${option} must be a whole number from ${least}, got ${value}`);
  return value;
}

/** Milliseconds from 0, or `otherwise` where none are given. */
export function milliseconds(option: string, value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== "number")
    throw new ArgumentTypeError(`options.${option} must be a number of milliseconds, got ${typeof value}`);
  if (Number.isNaN(value) || value < 0)
    throw new ArgumentRangeError(`options.${option} must be 0 or more milliseconds, got ${value}`);
  return value;
}
