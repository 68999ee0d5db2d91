export { EXIT } from './exit.ts'
export { runCli, type Terminal } from './run.ts'
