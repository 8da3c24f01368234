// Entry of the runs view's bundle.
import { RunsApp } from './runs-app.ts';

customElements.define('quantwright-runs', RunsApp);
