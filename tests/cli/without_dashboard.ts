/**
 * Arguments of the command line with which a broker serves no dashboard, unless they say that it does: tests run side by
 * side, and the port of the dashboard is always the same.
 */
export function withoutDashboard(args: readonly string[]): readonly string[] {
  const [first = "serve"] = args;
  const isServe = first === "serve" || first.startsWith("-");
  // With a file there is one only where the file says so.
  const isSaid = args.some((arg) => /^(?:--(?:no-)?admin|--config|-\w*c\w*|--help|--version|-h)(?:=|$)/.test(arg));
  return isServe && !isSaid ? [...args, "--no-admin"] : args;
}
