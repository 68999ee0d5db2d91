import { render } from 'preact'
import { App } from './shell/app.tsx'
import { startTheme } from './shell/theme.ts'

startTheme()
const root = document.getElementById('console')
if (root !== null) render(<App />, root)
