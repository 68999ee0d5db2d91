export {
  countPaidTwice,
  openAudit,
  readFleetAccess,
  simulatorTotals,
  type Audit,
  type FleetAccess,
} from './audit.ts'
export { startCallers, type Callers } from './chaos/callers.ts'
export { spreadOf, type Spread } from './figures.ts'
export { installLocked } from './bench/install-locked.ts'
export {
  checkInvariants,
  describeFindings,
  loggedEvent,
  paidTwice,
  type Accepted,
  type Findings,
  type Histories,
  type LoggedEvent,
  type Violation,
} from './invariants.ts'
