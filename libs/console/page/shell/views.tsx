import type { JSX } from 'preact'
import { Agent } from '../agents/agent.tsx'
import { Agents } from '../agents/agents.tsx'
import { Approvals } from '../approvals/approvals.tsx'
import { Decision, Decisions } from '../decisions/decisions.tsx'
import { Fleet, FleetNode } from '../fleet/fleet.tsx'
import { Goal, Goals } from '../goals/goals.tsx'
import { Incident, Incidents } from '../incidents/incidents.tsx'
import { Now } from '../now/now.tsx'
import { Schedule, Schedules } from '../schedules/schedules.tsx'
import { Task } from '../task/task.tsx'
import { Tasks } from '../tasks/tasks.tsx'
import { Usage } from '../usage/usage.tsx'
import { linkTo } from './router.ts'
import type { ViewName } from './routes.ts'

/** What draws each view, and what draws one of its records, if the view has them. */
const DRAWN: Readonly<
  Record<ViewName, readonly [() => JSX.Element, ((record: { id: string }) => JSX.Element)?]>
> = {
  now: [Now],
  tasks: [Tasks, Task],
  goals: [Goals, Goal],
  approvals: [Approvals],
  fleet: [Fleet, FleetNode],
  decisions: [Decisions, Decision],
  incidents: [Incidents, Incident],
  agents: [Agents, Agent],
  schedules: [Schedules, Schedule],
  usage: [Usage],
}

/** The view that the address names. */
export function ViewOf({ view, id }: { view: ViewName | undefined; id: string | undefined }) {
  if (view === undefined) return <Missing />
  const [View, One] = DRAWN[view]
  return id === undefined || One === undefined ? <View /> : <One key={id} id={id} />
}

function Missing() {
  return (
    <section>
      <h1 tabIndex={-1}>This page does not exist</h1>
      <p>
        Check the address, or open <a href={linkTo('now')}>Now</a>.
      </p>
    </section>
  )
}
