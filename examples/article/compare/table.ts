/** The rows as columns that line up in a terminal, where a Chinese character is two columns wide. The first column is text, the others are numbers. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => width(row[column]!))));
  const line = (row: string[]) => row.map((cell, column) => pad(cell, widths[column]!, column === 0)).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

function pad(text: string, columns: number, left: boolean): string {
  const space = " ".repeat(columns - width(text));
  return left ? text + space : space + text;
}

function width(text: string): number {
  return [...text].reduce((sum, character) => sum + (character >= "\u2e80" ? 2 : 1), 0);
}
