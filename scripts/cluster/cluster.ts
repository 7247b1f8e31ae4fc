import type { Telling } from '../servers/servers.ts';

export interface UpOptions {
  tell: Telling;
  /** Installs missing packages of the distribution without asking. */
  yes: boolean;
  /** Without it the cluster has no KEDA. */
  keda: boolean;
}

/** A cluster for the project, wherever it runs. What goes wrong is an error with a sentence for people. */
export interface Cluster {
  /** What it is, for a line on the terminal. */
  readonly title: string;
  /** Starts what doesn't run of it and waits for a Ready node; nothing happens to what runs. */
  up(options: UpOptions): Promise<void>;
  /** Removes the cluster and everything that it has made on this machine. */
  down(tell: Telling): Promise<void>;
  /** kubectl and the arguments that point it to the cluster. */
  kubectl(tell: Telling): Promise<{ program: string; args: string[] }>;
  /** Gives the nodes the images of archives; resolves with their names. */
  loadImages(files: readonly string[], tell: Telling): Promise<string[]>;
  /** The cluster's own processes: name → whether it runs; none where others look after them. */
  processes(): Record<string, boolean>;
}
