export function product(a: number, b: number): number {
  return a * b;
}
