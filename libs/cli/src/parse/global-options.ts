import { flag, takes, type Options } from '../command.ts'

/** Options that every command takes. */
export const GLOBAL_OPTIONS: Options = {
  json: flag('print JSON, one object in each line'),
  url: takes('URL', 'use the gateway at URL (AGENTFLEET_URL; default: the local fleet)'),
  key: takes('KEY', 'use the API key KEY (the variable AGENTFLEET_KEY is safer)'),
  'no-color': flag('print no colours (like the variable NO_COLOR)'),
  help: flag('print the help of a command', { short: 'h' }),
}
