export { EXIT } from './exit.ts'
export { runCli, type CliOptions, type Terminal } from './run.ts'
