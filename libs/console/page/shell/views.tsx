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

/** The view that the address names. */
export function ViewOf({ view, id }: { view: ViewName | undefined; id: string | undefined }) {
  switch (view) {
    case 'now':
      return <Now />
    case 'tasks':
      return id === undefined ? <Tasks /> : <Task key={id} id={id} />
    case 'goals':
      return id === undefined ? <Goals /> : <Goal key={id} id={id} />
    case 'approvals':
      return <Approvals />
    case 'fleet':
      return id === undefined ? <Fleet /> : <FleetNode key={id} id={id} />
    case 'decisions':
      return id === undefined ? <Decisions /> : <Decision key={id} id={id} />
    case 'incidents':
      return id === undefined ? <Incidents /> : <Incident key={id} id={id} />
    case 'agents':
      return id === undefined ? <Agents /> : <Agent key={id} name={id} />
    case 'schedules':
      return id === undefined ? <Schedules /> : <Schedule key={id} name={id} />
    case 'usage':
      return <Usage />
    case undefined:
      return <Missing />
  }
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
