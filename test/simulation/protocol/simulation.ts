/** What the tests use of the simulation; `bundled.ts` makes one module of it. */
export { REACHED, runHistory } from './history.ts'
export { openVirtualMachine } from './time/virtual-time.ts'
export { BUSY, QUIET, twoTenants } from './two-tenants.ts'
