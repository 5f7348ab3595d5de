"""The version of this release: of the package and of the API's description."""

VERSION = "0.2.0"
