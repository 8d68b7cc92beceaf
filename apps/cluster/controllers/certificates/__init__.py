"""The controllers of CertificateSigningRequests."""
