/** Columns that line up in a terminal, where a Chinese character is two columns wide. */

/** The rows as lines; the first column stands to the left, and the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column]!))));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => pad(cell, widths[column]!, column === 0)).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

export function pad(text: string, columns: number, left: boolean): string {
  const space = " ".repeat(columns - widthOf(text));
  return left ? text + space : space + text;
}

export function widthOf(text: string): number {
  return [...text].reduce((sum, character) => sum + (character >= "\u2e80" ? 2 : 1), 0);
}
