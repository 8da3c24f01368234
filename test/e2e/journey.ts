// What a journey is: a short story of a user in the real workbench, told in one file of journeys/ and run by run.ts in a fresh window.
import type { Workbench } from '../support/editor-workbench.ts';
import type { Workspace } from '../support/editor-workspace.ts';

export interface JourneyContext {
  readonly workbench: Workbench;
  readonly workspace: Workspace;
  /** Process id of the VS Code server, whose descendants the engine is one of. */
  readonly serverPid: number;
  /** Saves a picture of the window as it is now: screenshots/<journey>-<moment>.png. */
  screenshot(moment: string): Promise<void>;
  /** Saves a picture for the documentation: docs/NAME.png beside the screenshots, its upper part alone if a height is given; see CONTRIBUTING.md. */
  picture(name: string, heightPx?: number): Promise<void>;
}

export interface Journey {
  /** A sentence of behaviour. */
  readonly title: string;
  /** Name of the workspace folder; default: my-model. */
  readonly folder?: string;
  /** The workspace is not trusted. */
  readonly restricted?: boolean;
  /** Writes the files the story starts from, before the window opens. */
  readonly prepare: (workspace: Workspace) => Promise<void>;
  readonly play: (context: JourneyContext) => Promise<void>;
}
