import type { VoteStatus } from '@scrutin/shared/status.ts';
import type { Phase } from '../snapshot.ts';
import type { Language } from './language.ts';

/** Everything that the pages say, in one language. `\u00a0` is the space that French puts before `:` and `%`. */
export interface Words {
  otherLanguage: { label: string; lang: Language };
  skip: string;
  home: string;
  phase: Record<Phase, string>;
  opens: string;
  closes: string;
  oui: string;
  non: string;
  choice: string;
  votes: string;
  share: string;
  total: string;
  tableOf: (law: string) => string;
  turnout: string;
  turnoutOf: (votes: string, eligible: string) => string;
  votesCounted: (votes: string) => string;
  embargoTitle: string;
  embargo: (moment: string) => string;
  notYetOpen: (moment: string) => string;
  provisional: string;
  counting: string;
  lastCounted: (moment: string) => string;
  nothingCounted: string;
  declared: (moment: string) => string;
  refresh: string;
  pause: string;
  resume: string;
  connectionLost: string;
  files: string;
  asTable: string;
  asDocument: string;
  verifyTitle: string;
  verify: string;
  mismatch: string;
  ballotTitle: string;
  ballotAbout: string;
  ballotLabel: string;
  ballotHint: string;
  ballotButton: string;
  ballotStatus: Record<VoteStatus, { title: string; text: string }>;
  ballotOnLaw: string;
  unknownBallot: { title: string; text: string };
  unavailable: { title: string; text: string };
  notReady: { title: string; text: string };
  api: string;
  promise: string;
}

const fr: Words = {
  otherLanguage: { label: 'English', lang: 'en' },
  skip: 'Aller au contenu',
  home: 'Tous les résultats',
  phase: {
    notYetOpen: 'Pas encore ouvert',
    open: 'Vote en cours',
    suspended: 'Vote suspendu',
    counting: 'Vote clos, comptage en cours',
    final: 'Résultat définitif',
  },
  opens: 'Ouverture',
  closes: 'Clôture',
  oui: 'Oui',
  non: 'Non',
  choice: 'Choix',
  votes: 'Voix',
  share: 'Part',
  total: 'Total',
  tableOf: (law) => `Résultat\u00a0: ${law}`,
  turnout: 'Participation',
  turnoutOf: (votes, eligible) => `${votes} votes sur ${eligible} personnes inscrites`,
  votesCounted: (votes) => `${votes} votes comptés`,
  embargoTitle: 'Résultats sous embargo',
  embargo: (moment) => `Les résultats sont publiés à la clôture du vote, le ${moment}.`,
  notYetOpen: (moment) => `Le vote ouvre le ${moment}.`,
  provisional: 'Résultats provisoires\u00a0: le vote est en cours.',
  counting: 'Résultats provisoires\u00a0: les derniers votes acceptés sont en train d’être comptés.',
  lastCounted: (moment) => `Dernier vote compté le ${moment}`,
  nothingCounted: 'Aucun vote compté',
  declared: (moment) => `Résultat déclaré définitif le ${moment}`,
  refresh: 'Actualiser',
  pause: 'Suspendre la mise à jour',
  resume: 'Reprendre la mise à jour',
  connectionLost: 'La page ne peut pas être mise à jour pour l’instant.',
  files: 'Télécharger',
  asTable: 'Tableau (CSV)',
  asDocument: 'Document (JSON)',
  verifyTitle: 'Vérifier le résultat',
  verify:
    'L’empreinte SHA-256 du document JSON définitif, telle qu’elle a été publiée à la déclaration\u00a0:',
  mismatch: 'Attention\u00a0: les chiffres affichés ne correspondent pas à l’empreinte publiée.',
  ballotTitle: 'Suivre un bulletin',
  ballotAbout:
    'Le numéro reçu au moment du vote dit si le bulletin a été compté. Il ne dit jamais ce qui a été choisi.',
  ballotLabel: 'Numéro du bulletin',
  ballotHint: '36 caractères, par exemple 019a4c1e-7d2f-8b3a-9c41-5e6f7a8b9c0d',
  ballotButton: 'Vérifier',
  ballotStatus: {
    pending: {
      title: 'En chemin',
      text: 'Le bulletin est accepté et en chemin vers le comptage. Cela prend d’ordinaire quelques secondes.',
    },
    validated: {
      title: 'Validé',
      text: 'Le bulletin est valide et en chemin vers le comptage.',
    },
    aggregated: { title: 'Compté', text: 'Le bulletin est compté dans le résultat.' },
    duplicate: {
      title: 'Non compté\u00a0: déjà voté',
      text: 'Un autre bulletin de la même personne est compté pour cette loi. Le premier compte\u00a0; celui-ci ne compte pas.',
    },
    invalid: {
      title: 'Non compté\u00a0: non inscrit',
      text: 'Le numéro d’assurance sociale et le code ne correspondent à aucune inscription sur la liste électorale.',
    },
  },
  ballotOnLaw: 'Loi',
  unknownBallot: {
    title: 'Numéro inconnu',
    text: 'Ce référendum n’a délivré aucun bulletin sous ce numéro. Vérifiez qu’il est copié en entier, sans faute.',
  },
  unavailable: {
    title: 'Momentanément indisponible',
    text: 'Les chiffres ne peuvent pas être lus pour l’instant. Aucun vote n’est perdu. Réessayez dans un moment.',
  },
  notReady: {
    title: 'Bientôt prêt',
    text: 'Ce référendum n’est pas encore publié. Réessayez dans un moment.',
  },
  api: 'Interface de programmation',
  promise: 'Chaque vote accepté est compté, une fois par personne et par loi.',
};

const en: Words = {
  otherLanguage: { label: 'Français', lang: 'fr' },
  skip: 'Skip to content',
  home: 'All results',
  phase: {
    notYetOpen: 'Not open yet',
    open: 'Voting is open',
    suspended: 'Voting is suspended',
    counting: 'Voting has closed, counting',
    final: 'Final result',
  },
  opens: 'Opens',
  closes: 'Closes',
  oui: 'Yes',
  non: 'No',
  choice: 'Choice',
  votes: 'Votes',
  share: 'Share',
  total: 'Total',
  tableOf: (law) => `Result: ${law}`,
  turnout: 'Turnout',
  turnoutOf: (votes, eligible) => `${votes} votes of ${eligible} registered voters`,
  votesCounted: (votes) => `${votes} votes counted`,
  embargoTitle: 'Results under embargo',
  embargo: (moment) => `Results are published when voting closes, on ${moment}.`,
  notYetOpen: (moment) => `Voting opens on ${moment}.`,
  provisional: 'Provisional results: voting is under way.',
  counting: 'Provisional results: the last accepted votes are being counted.',
  lastCounted: (moment) => `Last vote counted on ${moment}`,
  nothingCounted: 'No vote counted',
  declared: (moment) => `Result declared final on ${moment}`,
  refresh: 'Refresh',
  pause: 'Pause updates',
  resume: 'Resume updates',
  connectionLost: 'The page can’t be updated right now.',
  files: 'Download',
  asTable: 'Table (CSV)',
  asDocument: 'Document (JSON)',
  verifyTitle: 'Verify the result',
  verify: 'The SHA-256 digest of the final JSON document, as it was published when the result was declared:',
  mismatch: 'Warning: the figures shown do not match the published digest.',
  ballotTitle: 'Follow a ballot',
  ballotAbout:
    'The number received when voting tells whether the ballot has been counted. It never tells what was chosen.',
  ballotLabel: 'Ballot number',
  ballotHint: '36 characters, for example 019a4c1e-7d2f-8b3a-9c41-5e6f7a8b9c0d',
  ballotButton: 'Check',
  ballotStatus: {
    pending: {
      title: 'On its way',
      text: 'The ballot has been accepted and is on its way to the count. This usually takes a few seconds.',
    },
    validated: { title: 'Validated', text: 'The ballot is valid and on its way to the count.' },
    aggregated: { title: 'Counted', text: 'The ballot is counted in the result.' },
    duplicate: {
      title: 'Not counted: already voted',
      text: 'Another ballot of the same person is counted for this law. The first one counts; this one does not.',
    },
    invalid: {
      title: 'Not counted: not registered',
      text: 'The social insurance number and the code match no registration on the electoral list.',
    },
  },
  ballotOnLaw: 'Law',
  unknownBallot: {
    title: 'Unknown number',
    text: 'This referendum gave out no ballot under this number. Check that it was copied whole and without a mistake.',
  },
  unavailable: {
    title: 'Unavailable for a moment',
    text: 'The figures can’t be read right now. No vote is lost. Try again in a moment.',
  },
  notReady: {
    title: 'Ready soon',
    text: 'This referendum has not been published yet. Try again in a moment.',
  },
  api: 'Programming interface',
  promise: 'Every accepted vote is counted, once per person and law.',
};

export const WORDS: Record<Language, Words> = { fr, en };
