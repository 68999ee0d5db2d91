export { startBusTap, type BusTap, type Published } from './bus-tap.ts'
export { eventually } from './eventually.ts'
export { startTestFleet, type TestFleet } from './fleet.ts'
export { startTestServers, type TestServers } from './servers.ts'
