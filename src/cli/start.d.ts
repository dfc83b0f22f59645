/** Runs the command line and gives the exit code. */
export function main(args: readonly string[]): Promise<number>;
