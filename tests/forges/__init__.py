"""Forges on loopback: a made-up repository with pull requests, told over the REST APIs of GitHub and of GitLab.

Every request and answer of GitHub's is held against its published OpenAPI description (`github.openapi.json`, cut by
`cut_openapi`), those of GitLab's against the fields that its documentation lists.
"""
