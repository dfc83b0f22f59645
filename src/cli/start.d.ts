/** The command line: gives the exit code. */
export function main(args: readonly string[]): Promise<number>;
