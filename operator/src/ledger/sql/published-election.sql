select document, phase from election
