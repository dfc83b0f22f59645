export const CONVERT_HELP = `Usage: brooklet convert FILE

Prints a configuration of mosquitto as YAML, which means the same. What differs from mosquitto is said in comments.

  -h, --help             print this
`;
