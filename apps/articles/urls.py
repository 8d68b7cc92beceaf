"""The book's addresses below /{language}/. Links to them live for ever."""

from django.urls import path

from apps.articles import views

urlpatterns = [
    path("docs/", views.contents, name="contents"),
    path("docs/<slug:slug>/", views.article, name="article"),
    path("fidelity/", views.fidelity, name="fidelity"),
    path("search/", views.search, name="search"),
]
